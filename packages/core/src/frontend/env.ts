/** Environment in the order in which names first came; setting a name again keeps its place. Immutable. */
export class Env {
  readonly #entries: ReadonlyMap<string, string>

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.#entries = new Map(entries)
  }

  get(name: string): string | undefined {
    return this.#entries.get(name)
  }

  with(name: string, value: string): Env {
    return new Env([...this.#entries, [name, value]])
  }

  withList(list: readonly string[] | undefined): Env {
    return new Env([...this.#entries, ...(list ?? []).map(splitEnv)])
  }

  entries(): [string, string][] {
    return [...this.#entries]
  }
}

/** `NAME=value` in two; a name alone has the empty value. */
export function splitEnv(item: string): [name: string, value: string] {
  const at = item.indexOf('=')
  return at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)]
}

/** Sets a name in an image config's `Env`, in its place where it is there already. */
export function setEnvItem(list: readonly string[] | undefined, name: string, value: string): string[] {
  const items = [...(list ?? [])]
  const at = items.findIndex((item) => splitEnv(item)[0] === name)
  if (at < 0) items.push(`${name}=${value}`)
  else items[at] = `${name}=${value}`
  return items
}
