/** Lets one request at a time work on an upload. A new one ends the one before it: a client that comes again has given that up. */
export class UploadTurns {
  readonly #current = new Map<string, { readonly controller: AbortController; readonly over: Promise<void> }>()

  /** Runs `work` when the request before it has ended.
   * @param work is to stop when the signal aborts */
  async take<T>(id: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const before = this.#current.get(id)
    let end: () => void = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const turn = { controller, over: ended }
    this.#current.set(id, turn)
    try {
      before?.controller.abort(new Error('another request continues this upload'))
      await before?.over
      return await work(controller.signal)
    } finally {
      end()
      if (this.#current.get(id) === turn) this.#current.delete(id)
    }
  }
}
