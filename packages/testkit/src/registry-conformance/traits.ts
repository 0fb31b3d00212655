/** What the distribution spec leaves to registries, or has asked for only since 1.1. */
export type Trait =
  /** Takes a blob by one POST. */
  | 'monolithicPost'
  /** Mounts a blob without being told from where. */
  | 'mountFromAnywhere'
  /** Lists referrers, and tells that it has noted the subject. */
  | 'referrers'
  /** Takes manifests of types that it does not know. */
  | 'unknownManifests'
  /** Deletes a tag without its manifest. */
  | 'deleteTags'
  /** Knows what a manifest must look like: sizes, its own type, a limit. */
  | 'strictManifests'
  /** Lists tags in order, in pages. */
  | 'tagPages'
  /** Refuses chunks that are out of order. */
  | 'chunkOrder'
  /** Refuses a range behind a blob's end. */
  | 'rangeEnd'
  /** Refuses names that are too long. */
  | 'nameLength'
