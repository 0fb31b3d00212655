/** Names that are set one by one before they are put with the others: setting n names costs about n²/64 then. */
const recentLimit = 64

/** Environment in the order in which names first came; setting a name again keeps its place. Immutable. */
export class Env {
  readonly #settled: ReadonlyMap<string, string>
  /** What came since, the newest last. */
  readonly #recent: readonly (readonly [name: string, value: string])[]

  constructor(
    settled: Iterable<readonly [string, string]> | ReadonlyMap<string, string> = [],
    recent: readonly (readonly [string, string])[] = [],
  ) {
    this.#settled = settled instanceof Map ? settled : new Map(settled)
    this.#recent = recent
  }

  get(name: string): string | undefined {
    const recent = this.#recent.findLast((entry) => entry[0] === name)
    return recent === undefined ? this.#settled.get(name) : recent[1]
  }

  with(name: string, value: string): Env {
    return this.withAll([[name, value]])
  }

  withAll(entries: readonly (readonly [name: string, value: string])[]): Env {
    const recent = [...this.#recent, ...entries]
    return recent.length > recentLimit ? new Env([...this.#settled, ...recent]) : new Env(this.#settled, recent)
  }

  withList(list: readonly string[] | undefined): Env {
    return this.withAll((list ?? []).map(splitEnv))
  }

  entries(): [string, string][] {
    return [...new Map([...this.#settled, ...this.#recent])]
  }
}

/** `NAME=value` in two; a name alone has the empty value. */
export function splitEnv(item: string): [name: string, value: string] {
  const at = item.indexOf('=')
  return at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)]
}

/** Sets names in an image config's `Env`, each in its place where it is there already. */
export function setEnvItems(
  list: readonly string[] | undefined,
  entries: readonly (readonly [name: string, value: string])[],
): string[] {
  const items = [...(list ?? [])]
  const places = new Map<string, number>()
  for (const [at, item] of items.entries()) if (!places.has(splitEnv(item)[0])) places.set(splitEnv(item)[0], at)
  for (const [name, value] of entries) {
    const at = places.get(name) ?? items.length
    places.set(name, at)
    items[at] = `${name}=${value}`
  }
  return items
}
