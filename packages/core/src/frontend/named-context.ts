/** What a further build context is; it stands for a stage or an image of its name. */
export type NamedContext =
  | {
      readonly kind: 'directory'
      readonly name: string
      /** Absolute. */
      readonly directory: string
      /** Patterns of its `.dockerignore`. */
      readonly ignore: readonly string[]
    }
  | { readonly kind: 'image'; readonly reference: string }
