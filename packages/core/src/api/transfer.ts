import type { Digest } from '@tsbuild/spec'

/** What becomes of a layer that is pulled, in this order. `exists`: it was there. */
export type PullState = 'exists' | 'waiting' | 'downloading' | 'verifying' | 'downloaded' | 'extracting' | 'complete'

/** What becomes of a layer that is pushed. `exists`: the registry has it; `mounted`: from its repository `from`. */
export type PushState = 'preparing' | 'waiting' | 'pushing' | 'exists' | 'mounted' | 'pushed'

interface LayerEvent<State> {
  readonly kind: 'layer'
  /** Of the blob; of the uncompressed layer while that has no blob yet. The same in every event of the layer. */
  readonly digest: Digest
  readonly state: State
  /** Progress within the state, in bytes; told a few times a second. */
  readonly bytes?: number
  readonly total?: number
}

interface ImageEvent {
  readonly kind: 'image'
  /** The full name. */
  readonly name: string
  readonly registry: string
  readonly repository: string
  /** The tag or digest in the name. */
  readonly reference: string
}

/** What happens during a pull. Each image begins with `image`. */
export type PullEvent = ImageEvent | LayerEvent<PullState>

/** What happens during a push. */
export type PushEvent = ImageEvent | (LayerEvent<PushState> & { readonly from?: string })

export interface PullOptions {
  /** `os/arch[/variant]`. Default: this machine's; then an image that no index leads to is taken whatever its platform. */
  readonly platform?: string
  readonly signal?: AbortSignal
  readonly onEvent?: (event: PullEvent) => void
}

export interface PulledImage {
  /** Full name. */
  readonly name: string
  /** What the name led to in the registry: the digest of an index, where it is one, else of the manifest. */
  readonly digest: Digest
  /** Digest of the image's own manifest. */
  readonly manifestDigest: Digest
  /** Config digest: Docker's image id. */
  readonly id: Digest
  /** Whether the name led to something else, or to nothing, before. */
  readonly updated: boolean
}

export interface PushOptions {
  /** Refuse an image that is for another platform. */
  readonly platform?: string
  readonly signal?: AbortSignal
  readonly onEvent?: (event: PushEvent) => void
}

export interface PushedImage {
  /** Full name. */
  readonly name: string
  /** Digest and size in bytes of the manifest that was pushed. */
  readonly digest: Digest
  readonly size: number
}
