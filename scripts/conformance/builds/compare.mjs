import { isDeepStrictEqual } from 'node:util'
import { layerEntries, plainPath } from './image.mjs'

const members = ['type', 'mode', 'uid', 'gid', 'sha256', 'linkname']

/** How an image differs from what BuildKit made of the same step, as one line each.
 * @param strip takes out of a text what differs from run to run (ports) */
export function imageDifferences(golden, image, baseLayers, strip) {
  const layers = image.layers.filter(({ diffId }) => !baseLayers.has(diffId))
  return [
    ...configDifferences(golden, image.config.config),
    ...historyDifferences(golden.history, image.config.history ?? [], strip),
    ...['os', 'architecture'].flatMap((name) => differs(name, image.config[name], golden[name])),
    ...layerDifferences(golden.layers, layers),
  ]
}

function configDifferences({ config, varies = [] }, actual) {
  const want = withoutEmpty(config)
  const got = withoutEmpty(actual)
  return [...new Set([...Object.keys(want), ...Object.keys(got)])]
    .sort()
    .filter((name) => !varies.includes(`config.${name}`))
    .flatMap((name) => differs(`config ${name}`, got[name], want[name]))
}

function withoutEmpty(config) {
  const empty = (value) =>
    value === null || value === '' || value === false || (typeof value === 'object' && Object.keys(value).length === 0)
  return Object.fromEntries(Object.entries(config ?? {}).filter(([, value]) => !empty(value)))
}

function historyDifferences(want, got, strip) {
  const line = (entry) =>
    entry === undefined ? undefined : [strip(entry.created_by ?? ''), entry.empty_layer === true, entry.comment ?? '']
  const count = Math.max(want.length, got.length)
  return Array.from({ length: count }, (_, at) => differs(`history ${at}`, line(got[at]), line(want[at]))).flat()
}

function layerDifferences(want, got) {
  if (want.length !== got.length) return [`${got.length} layers, not ${want.length}`]
  return want.flatMap((layer, at) => {
    const expected = new Map(layer.map((entry) => [plainPath(entry.path), entry]))
    return entryDifferences(expected, layerEntries(got[at].data)).map((text) => `layer ${at} ${text}`)
  })
}

function entryDifferences(want, got) {
  const out = []
  for (const path of [...new Set([...want.keys(), ...got.keys()])].sort()) {
    const a = want.get(path)
    const b = got.get(path)
    if (a !== undefined && b !== undefined) out.push(...memberDifferences(path, a, b))
    else if (!isRepeatedParent(path, a ?? b, a === undefined ? got : want)) {
      out.push(`${a === undefined ? 'has' : 'lacks'} ${path}`)
    }
  }
  return out
}

function memberDifferences(path, want, got) {
  const link = (entry) => entry.type === 'hardlink'
  if ((link(want) || link(got)) && [want, got].every((entry) => link(entry) || entry.type === 'file')) return []
  return members
    .filter((name) => !(name === 'mode' && want.type === 'symlink') && !(name === 'sha256' && want.varies === true))
    .flatMap((name) => differs(`${path} ${name}`, got[name], want[name]))
}

/** Builders repeat different parent directories of what they write. */
function isRepeatedParent(path, { type }, side) {
  if (type !== 'dir') return false
  return path === '.' || [...side.keys()].some((other) => other.startsWith(`${path}/`))
}

/** Warnings that only one of both gives. */
export function warningDifferences(want, stderr) {
  const got = [...stderr.matchAll(/^ - (\w+): (.*) \(line (\d+)\)$/gm)].map(
    ([, rule, text, line]) => `${rule}: ${text} (line ${line})`,
  )
  const wanted = want.map((text) => text.replace(/^WARN: /, ''))
  return differs('warnings', got.sort(), wanted.sort())
}

function differs(what, got, want) {
  return isDeepStrictEqual(got, want) ? [] : [`${what} is ${short(got)}, not ${short(want)}`]
}

function short(value) {
  const text = JSON.stringify(value) ?? 'absent'
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
