import type { Digest } from './digest.js'

/** What something was and is; a file in the words of `ls`. */
interface Change {
  readonly before?: string
  readonly after?: string
}

/** What a value was and is. */
interface ValueChange extends Change {
  /** There was a value, which the record does not show: it came from a cache elsewhere. */
  readonly concealed?: true
}

/** Why a step could not be taken from the cache: one cause, the first that matters. */
export type MissCause =
  /** `--no-cache`, or a filter that names its stage. */
  | { readonly kind: 'noCache' }
  /** No record of this step is known. */
  | { readonly kind: 'noRecord' }
  /** There was one; `at` is in milliseconds since the epoch. */
  | { readonly kind: 'pruned'; readonly at: number; readonly reason: string }
  /** There is one, but what it made is not there any more. */
  | { readonly kind: 'gone' }
  /** What it stands on is another thing. `step` is the step that began it, by its vertex digest and its name. */
  | { readonly kind: 'inherited'; readonly step: Digest; readonly name: string }
  /** The instruction itself. `before` and `after` are its text as progress shows it, where that differs. */
  | ({ readonly kind: 'instruction' } & Change)
  /** A path of a COPY or ADD; `input` is the source as it is written, e.g. `COPY src`. Without a path it is not known which one. */
  | ({
      readonly kind: 'content' | 'mode' | 'owner' | 'linkTarget' | 'type' | 'xattrs'
      readonly input: string
      readonly path?: string
    } & Change)
  | { readonly kind: 'added' | 'removed'; readonly input: string; readonly path: string }
  | ({ readonly kind: 'buildArg' | 'env'; readonly name: string } & ValueChange)
  /** The image of a FROM; digests of manifests, or of what the layers make together where those are not known. */
  | ({ readonly kind: 'baseImage' } & Change)
  /** A word or a setting of the step, e.g. `user`, `chown`, `working directory`. */
  | ({ readonly kind: 'option'; readonly name: string } & ValueChange)

/** The last record of a step that is no longer there. */
export interface CacheTombstone {
  readonly step: string
  readonly key: Digest
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Why it went, e.g. `pruned`. */
  readonly reason: string
}

/** A cause as one line, e.g. `COPY package.json: content changed`.
 * @param now milliseconds since the epoch, to tell how long ago something was */
export function formatMiss(cause: MissCause, now: number = Date.now()): string {
  switch (cause.kind) {
    case 'noCache':
      return '--no-cache'
    case 'noRecord':
      return 'no record'
    case 'pruned':
      return `no record: ${cause.reason} ${formatAgo(now - cause.at)} ago`
    case 'gone':
      return 'result is gone'
    case 'inherited':
      return `inherited from ${cause.name}`
    case 'instruction':
      return `instruction ${change(cause)}`
    case 'content':
      return `${place(cause)}: content changed`
    case 'mode':
    case 'owner':
    case 'type':
    case 'xattrs':
      return `${place(cause)}: ${cause.kind} ${change(cause)}`
    case 'linkTarget':
      return `${place(cause)}: link target ${change(cause)}`
    case 'added':
    case 'removed':
      return `${place(cause)}: ${cause.kind}`
    case 'buildArg':
      return `build arg ${cause.name}${valueChange(cause)}`
    case 'env':
      return `env ${cause.name}${valueChange(cause)}`
    case 'baseImage':
      return `base image ${cause.before === undefined ? 'changed' : `moved: ${cause.before} → ${cause.after ?? 'none'}`}`
    case 'option':
      return `${cause.name}${valueChange(cause)}`
  }
}

/** `COPY src` and `src/a.c` are `COPY src/a.c`; a source that is the path itself is not told twice. */
function place({ input, path }: { readonly input: string; readonly path?: string }): string {
  if (path === undefined) return input
  const [verb = '', ...source] = input.split(' ')
  const written = source.join(' ').replace(/^\.?\/+|\/+$/g, '')
  return written === path || written.endsWith(`/${path}`) ? input : `${verb} ${path}`
}

function change({ before, after }: Change): string {
  return before === undefined && after === undefined ? 'changed' : `${before ?? 'none'} → ${after ?? 'none'}`
}

function valueChange({ before, after, concealed }: ValueChange): string {
  if (concealed === true) return after === undefined ? ' removed' : `: changed to ${shown(after)}`
  if (before === undefined && after === undefined) return ' changed'
  if (before === undefined) return ` added: ${shown(after)}`
  return after === undefined ? ` removed: was ${shown(before)}` : `: ${shown(before)} → ${shown(after)}`
}

function shown(value = ''): string {
  return value === '' ? '""' : value
}

function formatAgo(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}
