export type ForeignCompression = 'xz' | 'bzip2'

/** What the thread says: it wants more input, has a piece of output, has come to the end, or can't go on. It may want input while its
 * output has not been taken yet. */
export type DecompressReply =
  | { readonly kind: 'need' }
  | { readonly kind: 'chunk'; readonly data: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly why: string }

/** The answers to `need` (without data: the input's end) and to `chunk`. */
export type DecompressRequest = { readonly kind: 'input'; readonly data?: Uint8Array } | { readonly kind: 'taken' }
