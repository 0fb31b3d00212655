/** What the zstd thread is asked. `more` goes on with the input that `decompress` brought. */
export type ZstdRequest =
  | { readonly kind: 'compress'; readonly data: Uint8Array; readonly level: number }
  | { readonly kind: 'decompress'; readonly data: Uint8Array; readonly last: boolean }
  | { readonly kind: 'more' }

/** What it answers to each request. */
export type ZstdReply =
  | { readonly kind: 'done'; readonly chunks: readonly Uint8Array[]; readonly more: boolean }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'invalid'; readonly why: string }
