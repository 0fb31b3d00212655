import { type CacheKeyParts, createVertex, type Op, type Result, type RunContext, type Vertex } from '@tsbuild/solver'
import type { BuildEvent, CanonicalValue, NamedInput } from '@tsbuild/spec'

export interface Toy extends Result {
  readonly text: string
}

/** What toy ops did, by the text that they make. */
export class Calls {
  readonly keys = new Map<string, number>()
  readonly loads = new Map<string, number>()
  readonly runs = new Map<string, number>()
  running = 0
  mostRunning = 0

  static count(map: Map<string, number>, name: string): void {
    map.set(name, (map.get(name) ?? 0) + 1)
  }

  total(map: Map<string, number>): number {
    return [...map.values()].reduce((sum, count) => sum + count, 0)
  }
}

export interface ToyOptions {
  readonly inputs?: readonly Vertex<Toy>[]
  readonly named?: readonly NamedInput[]
  readonly attributes?: CanonicalValue
  /** Never cached. */
  readonly pure?: boolean
  readonly asyncKey?: boolean
  readonly ignoreCache?: boolean
  readonly hidden?: boolean
  readonly step?: string
  /** Results that were made away. */
  readonly gone?: Set<string>
  /** By content: the inputs' texts enter the key, their result ids do not. */
  readonly byContent?: boolean
  readonly act?: (context: RunContext<Toy>) => unknown
  readonly keyParts?: CacheKeyParts
  /** Further text to what it makes, not known to the key. */
  readonly drift?: () => string
}

let ids = 0

/** A vertex that makes `name(inputs…)`. */
export function toy(calls: Calls, name: string, options: ToyOptions = {}): Vertex<Toy> {
  const { inputs = [], named = [], attributes = name, ignoreCache, hidden } = options
  const optional = {
    ...(ignoreCache === undefined ? {} : { ignoreCache }),
    ...(hidden === undefined ? {} : { hidden }),
  }
  const vertex = { op: toyOp(calls, name, named, attributes, options), inputs, name, step: options.step ?? name }
  return createVertex({ ...vertex, ...optional })
}

function toyOp(
  calls: Calls,
  name: string,
  named: readonly NamedInput[],
  attributes: CanonicalValue,
  options: ToyOptions,
): Op<Toy> {
  return {
    kind: 'toy',
    attributes,
    cacheKey({ inputs }) {
      Calls.count(calls.keys, name)
      if (options.pure) return undefined
      const from = inputs.map(({ key, result }, index) => ({
        name: `input ${index}`,
        value: options.byContent ? result.text : key,
      }))
      const parts = {
        inputs: [...from, ...named],
        madeOn: options.byContent ? [] : inputs.map(({ result }) => result.id),
      }
      return options.asyncKey ? Promise.resolve(parts) : parts
    },
    load(value, _inputs, record) {
      Calls.count(calls.loads, name)
      return options.gone?.has(record.resultId) ? undefined : { id: record.resultId, text: String(value) }
    },
    async run(context) {
      Calls.count(calls.runs, name)
      calls.running++
      calls.mostRunning = Math.max(calls.mostRunning, calls.running)
      try {
        await options.act?.(context)
        const text = `${name}(${context.inputs.map(({ result }) => result.text).join()})${options.drift?.() ?? ''}`
        const { keyParts } = options
        const result = { id: `r${++ids}`, text }
        return { result, value: text, sizeBytes: text.length, ...(keyParts === undefined ? {} : { keyParts }) }
      } finally {
        calls.running--
      }
    },
  }
}

/** Resolves after `ms`, or rejects when the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** A promise to be settled from outside. */
export function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** The kinds of the events of each step, by its name. */
export function kindsByName(events: readonly BuildEvent[]): Record<string, string[]> {
  const names = new Map<string, string>()
  const out: Record<string, string[]> = {}
  for (const event of events) {
    if (event.kind === 'warning') continue
    if (event.kind === 'vertexAdded') names.set(event.id, event.name)
    const name = names.get(event.id) ?? event.id
    out[name] ??= []
    out[name].push(event.kind)
  }
  return out
}
