import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

/** What an origin's own test asserts of a step: the ways in which it does not hold.
 * @param seen `{ directory, image, stderr, earlier, lastModified }`; members are absent where the step has no such output */
export function unmetExpectations(expect, seen) {
  return Object.entries(expect).flatMap(([name, value]) => checks[name]?.(value, seen) ?? [])
}

/** Assertions that need the result's files. */
export const fileExpectations = ['files', 'only_entries', 'hardlink_group']

const checks = {
  error_contains: (texts, { stderr }) =>
    texts
      .filter((text) => !stderr.includes(text))
      .map((text) => `the error lacks ${JSON.stringify(text)}: ${stderr.slice(-300)}`),
  error_lines: (lines, { stderr }) => same('lines of the error', markedLines(stderr), lines),
  error_line: (line, { stderr }) => (markedLines(stderr).includes(line) ? [] : [`the error is not about line ${line}`]),
  progress_contains: (texts, { stderr }) =>
    [texts]
      .flat()
      .filter((text) => !stderr.includes(text))
      .map((text) => `progress lacks ${text}`),
  progress_step_names: (names, { stderr }) =>
    names.filter((name) => !stepNames(stderr).includes(name)).map((name) => `no step is named ${name}`),
  progress_step_name_contains: (text, { stderr }) =>
    stepNames(stderr).some((name) => name.includes(text)) ? [] : [`no step's name has ${JSON.stringify(text)}`],
  files: (files, seen) => files.flatMap((file) => checkFile(file, seen)),
  only_entries: (names, { directory }) => same('entries', readdirSync(directory).sort(), [...names].sort()),
  hardlink_group: (paths, { directory }) =>
    new Set(paths.map((path) => statSync(join(directory, path)).ino)).size === 1
      ? []
      : ['hard links are separate files'],
  config: (config, { image }) => checkConfig(config, image.config.config ?? {}),
  image: (want, { image }) => checkImage(want, image.config),
  index: (want, { image }) => checkIndex(want, image.index),
  layer_annotations: (want, { image }) =>
    Object.entries(want).flatMap(([name, value]) =>
      same(`annotation ${name}`, image.manifest.layers[0].annotations?.[name] ?? null, value),
    ),
}

/** The lines that an error's excerpt points at. */
function markedLines(stderr) {
  return [...stderr.matchAll(/^ *(\d+) \| >>> /gm)].map(([, line]) => Number(line))
}

function stepNames(stderr) {
  return [...stderr.matchAll(/^#\d+ (\[.*)$/gm)].map(([, name]) => name)
}

function checkFile(file, { directory, earlier, lastModified }) {
  const path = join(directory, file.path)
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (file.absent) return found === undefined ? [] : [`${file.path} exists`]
  if (found === undefined) return [`${file.path} does not exist`]
  const text = () => readFileSync(path, 'utf8')
  const step = (at) => readFileSync(join(earlier(at), file.path), 'utf8')
  const what = (name) => `${name} of ${file.path}`
  const hexMode = (found.mode & 0o7777).toString(8).padStart(4, '0')
  return [
    ...(file.content === undefined ? [] : same(what('content'), text(), file.content)),
    ...(file.contains === undefined || text().includes(file.contains) ? [] : [`${file.path} lacks ${file.contains}`]),
    ...(file.type === undefined ? [] : same(what('type'), typeOf(found), file.type)),
    ...(file.mode === undefined ? [] : same(what('mode'), hexMode, String(file.mode).padStart(4, '0'))),
    ...(file.uid === undefined ? [] : same(what('uid'), found.uid, file.uid)),
    ...(file.gid === undefined ? [] : same(what('gid'), found.gid, file.gid)),
    ...(file.linkname === undefined ? [] : same(what('target'), readlinkSync(path), file.linkname)),
    ...(file.hardlink_to === undefined
      ? []
      : same(what('inode'), found.ino, statSync(join(directory, file.hardlink_to)).ino)),
    ...(file.min_size === undefined || found.size >= file.min_size ? [] : [`${file.path} is too small`]),
    ...(file.mtime === undefined
      ? []
      : same(what('mtime'), Math.floor(found.mtimeMs / 1000), timeOf(file.mtime, lastModified))),
    ...(file.differs_from_step === undefined || text() !== step(file.differs_from_step)
      ? []
      : [`${file.path} is as in step ${file.differs_from_step}`]),
    ...(file.same_as_step === undefined || text() === step(file.same_as_step)
      ? []
      : [`${file.path} is not as in step ${file.same_as_step}`]),
  ]
}

function timeOf(mtime, lastModified) {
  return typeof mtime === 'number' ? mtime : Math.floor(lastModified().getTime() / 1000)
}

function typeOf(stats) {
  if (stats.isDirectory()) return 'dir'
  if (stats.isSymbolicLink()) return 'symlink'
  return stats.isFile() ? 'file' : 'other'
}

/** `Env_contains`, `Env_has_prefix` and `WorkingDir_not` look at a member; sets of ports may be given as lists. */
function checkConfig(want, config) {
  return Object.entries(want).flatMap(([key, value]) => {
    const [, name, how] = /^(\w+?)(?:_(contains|has_prefix|not))?$/.exec(key)
    const actual = config[name]
    if (how === 'contains')
      return [value]
        .flat()
        .filter((text) => !(actual ?? []).includes(text))
        .map((text) => `config ${name} lacks ${text}`)
    if (how === 'has_prefix') {
      const lacking = [value].flat().filter((prefix) => !(actual ?? []).some((text) => text.startsWith(prefix)))
      return lacking.map((prefix) => `config ${name} has nothing that begins with ${prefix}`)
    }
    if (how === 'not') return (actual ?? '') === value ? [`config ${name} is ${value}`] : []
    const plain = Array.isArray(value) && actual !== null && typeof actual === 'object' && !Array.isArray(actual)
    return same(`config ${name}`, plain ? Object.keys(actual).sort() : (actual ?? null), value)
  })
}

function checkImage(want, config) {
  const seconds = (text) => Date.parse(text) / 1000
  return Object.entries(want).flatMap(([key, value]) => {
    switch (key) {
      case 'created_unix':
        return same('created', seconds(config.created), value)
      case 'history_all_created_unix':
        return config.history.flatMap((entry) => same('created of history', seconds(entry.created), value))
      case 'layers':
        return same('number of layers', config.rootfs.diff_ids.length, value)
      case 'rootfs':
        return same('rootfs', { type: config.rootfs.type, diff_ids: config.rootfs.diff_ids.length }, value)
      case 'os_not':
        return config.os === value ? [`os is ${value}`] : []
      case 'architecture_not':
        return config.architecture === value ? [`architecture is ${value}`] : []
      case 'history':
        return checkHistory(value, config.history ?? [])
      case 'history_no_created_by_contains':
        return JSON.stringify(config.history ?? []).includes(value) ? [`the history has ${value}`] : []
      case 'author':
        return same('author', config.author, value)
      default:
        return [`the runner knows no assertion image.${key}`]
    }
  })
}

function checkHistory(want, history) {
  if (!Array.isArray(want)) return same('length of history', history.length, want)
  return want.flatMap((line, at) => {
    const { created_by: text = '', empty_layer: empty = false } = history[at] ?? {}
    return [
      ...(line.created_by_contains === undefined || text.includes(line.created_by_contains)
        ? []
        : [`history ${at} lacks ${line.created_by_contains}`]),
      ...(line.created_by === undefined ? [] : same(`history ${at}`, text, line.created_by)),
      ...(line.empty_layer === undefined ? [] : same(`empty_layer of history ${at}`, empty, line.empty_layer)),
    ]
  })
}

function checkIndex({ manifests, same_digest: oneDigest, annotations = [] }, index) {
  return [
    ...(manifests === undefined ? [] : same('number of manifests', index.manifests.length, manifests)),
    ...(oneDigest && new Set(index.manifests.map(({ digest }) => digest)).size !== 1 ? ['the manifests differ'] : []),
    ...annotations.flatMap((want, at) =>
      Object.entries(want).flatMap(([name, value]) =>
        same(`annotation ${name}`, index.manifests[at]?.annotations?.[name], value),
      ),
    ),
  ]
}

function same(what, got, want) {
  return isDeepStrictEqual(got, want) ? [] : [`${what} is ${JSON.stringify(got)}, not ${JSON.stringify(want)}`]
}
