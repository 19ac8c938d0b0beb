// Apollo Client 4.3.8: entities in a normalized cache, and a layer over it for each mutation until its answer.
import { changed, copy, isObject, serve } from "../typescript/dist/kit/index.js";
import { view } from "./common.mjs";
import { ApolloClient, ApolloLink, gql, InMemoryCache, Observable } from "@apollo/client/core";

// A document is an entity, and so is each member of it: a layer hides only what it has written.
const DOCS = gql`query { docs { id value members { id name value } } }`;
const CHANGE = gql`mutation ($atoms: JSON) { change(atoms: $atoms) { rows guess } }`;
const DOC = gql`fragment Doc on Doc { id value members { id } }`;
const MEMBER = gql`fragment Member on Member { id name value }`;

const entity = (atom) => ({ __typename: "Doc", id: atom });
const member = (atom, name) => ({ __typename: "Member", id: JSON.stringify([atom, name]) });
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const doc = ({ value, members }) =>
  members === null ? value : Object.fromEntries(members.map((it) => [it.name, it.value]));
const documents = ({ docs }) => copy(Object.fromEntries(docs.map((it) => [it.id, doc(it)])));
const read = (cache) => documents(cache.readQuery({ query: DOCS }));

function write(cache, rows) {
  const docs = read(cache);
  for (const [atom, now] of rows) {
    const ref = { __ref: cache.identify(entity(atom)) };
    const list = (edit) => cache.modify({ fields: { docs: edit } });
    if (now !== undefined) writeDoc(cache, atom, docs[atom], now);
    if (now === undefined) list((refs) => refs.filter((it) => it.__ref !== ref.__ref));
    else if (docs[atom] === undefined) list((refs) => [...refs, ref]);
  }
}

function writeDoc(cache, atom, before, now) {
  const names = isObject(now) ? Object.keys(now) : [];
  const had = isObject(before) ? Object.keys(before) : [];
  for (const name of names) {
    if (had.includes(name) && same(before[name], now[name])) continue;
    cache.writeFragment({ fragment: MEMBER, data: { ...member(atom, name), name, value: now[name] } });
  }
  if (isObject(before) && isObject(now) && same(had.sort(), names.toSorted())) return;
  const [value, members] = isObject(now) ? [null, names.map((name) => member(atom, name))] : [now, null];
  cache.writeFragment({ fragment: DOC, data: { ...entity(atom), value, members } });
}

/** Apollo calls it with the guess, again when the layer is replayed, and with the answer. */
function update(cache, { data }, { variables: { atoms } }) {
  const { guess, rows } = data.change;
  if (!guess) return write(cache, rows);
  try {
    const after = changed(read(cache), atoms);
    write(cache, Object.keys(atoms).map((atom) => [atom, after[atom]]));
  } catch {
    // replayed, and what it needs is gone
  }
}

function make(docs, tell, run) {
  const sent = new Map();
  const send = (operation) => new Observable((to) => void sent.set(operation.getContext().m, to));
  const cache = new InMemoryCache();
  const client = new ApolloClient({ cache, link: new ApolloLink(send) });
  cache.writeQuery({ query: DOCS, data: { docs: [] } });
  write(cache, Object.entries(docs));
  let shown = docs;
  const look = ({ data }) => ((shown = documents(data)), tell.shown());
  client.watchQuery({ query: DOCS, fetchPolicy: "cache-only" }).subscribe(run.guard(look));
  const change = (rows, guess) => ({ change: { __typename: "Changed", rows, guess } });
  const answer = (m, result) => (sent.get(m)?.next(result), sent.get(m)?.complete());
  return {
    write(m, atoms) {
      changed(shown, atoms); // an application asks before it writes what cannot apply
      const given = { mutation: CHANGE, variables: { atoms }, context: { m } };
      const told = (verdict) => run.guard(() => tell.settled(m, verdict));
      client.mutate({ ...given, optimisticResponse: change([], true), update }).then(told("ok"), told("rejected"));
    },
    accepted: (m, arrived) => answer(m, { data: change(copy(arrived?.rows ?? []), false) }),
    rejected: (m, code) => answer(m, { errors: [{ message: code }] }),
    data: (_, rows) => cache.batch({ update: () => write(cache, rows) }),
    view: () => shown,
  };
}

serve({
  impl: { name: "apollo-client", version: "4.3.8" },
  profiles: { view: view({}, make) },
});
