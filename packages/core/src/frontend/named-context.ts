import type { Platform } from '@tsbuild/spec'
import type { ResolvedImage } from '../images/resolve-image.js'

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
  /** An image of an OCI image layout on the disk. */
  | { readonly kind: 'layout'; resolve(platform: Platform): Promise<ResolvedImage> }
  /** A stage of the Dockerfile itself. */
  | { readonly kind: 'stage'; readonly target: string }
