/** A URL as it may stand in a message: without user, password, query and fragment. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

const maxText = 1024

/** Keeps the secrets that a client has sent, so that they can be taken out of what servers say. */
export class Redactor {
  readonly #secrets = new Set<string>()

  add(...secrets: readonly (string | undefined)[]): void {
    for (const secret of secrets) {
      if (secret === undefined || secret.length < 4) continue
      const wellFormed = Buffer.from(secret).toString()
      this.#secrets.add(secret).add(encodeURIComponent(wellFormed)).add(JSON.stringify(secret).slice(1, -1))
    }
  }

  /** The text on one line, without secrets, queries of URLs and control characters, of at most 1 KiB. */
  clean(text: string): string {
    let out = text
    for (const secret of this.#secrets) out = out.replaceAll(secret, '***')
    out = out
      // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours go as a whole
      .replace(/\u001b\[[0-9;]*[A-Za-z]/g, '')
      .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
      .replace(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 ***')
      .replace(/(https?:\/\/)[^\s/@"']*@/gi, '$1')
      .replace(/(https?:\/\/[^\s?"']*)\?[^\s"']*/gi, '$1')
      .trim()
    return out.length > maxText ? `${out.slice(0, maxText - 1)}…` : out
  }
}
