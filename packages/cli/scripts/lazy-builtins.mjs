/** Makes a `require` by which parts of Node that cost milliseconds to load come with the first use of one of their members. Its
 * source stands at the top of each bundle. */
export function lazyBuiltins(load) {
  const slow = new Set(
    'child_process crypto fs/promises http https net stream stream/promises timers/promises tls worker_threads zlib'
      .split(' ')
      .map((name) => `node:${name}`),
  )
  const made = {}
  const later = (id) => {
    let loaded
    const get = () => {
      loaded ??= load(id)
      return loaded
    }
    return new Proxy(
      {},
      {
        get: (_, name) => get()[name],
        has: (_, name) => name in get(),
        ownKeys: () => Reflect.ownKeys(get()),
        getOwnPropertyDescriptor: (_, name) => {
          const found = Reflect.getOwnPropertyDescriptor(get(), name)
          return found && { ...found, configurable: true }
        },
      },
    )
  }
  const require = (id) => {
    if (!slow.has(id)) return load(id)
    made[id] ??= later(id)
    return made[id]
  }
  return Object.assign(require, load)
}
