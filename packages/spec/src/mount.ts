/** A directory shown as it is. */
export interface BindMount {
  readonly kind: 'bind'
  readonly source: string
  readonly readonly: boolean
}

/** An overlayfs mount. Layer names are relative to `base`, so that 125 of them fit the option page:
 * whoever mounts it does `chdir(base)` first (in a thread with its own fs struct).
 * Always mounted with `redirect_dir=off,metacopy=off,index=off,xino=off`. */
export interface OverlayMount {
  readonly kind: 'overlay'
  readonly base: string
  /** Topmost first, relative to `base`; at least one. */
  readonly lower: readonly string[]
  /** Relative to `base`; absent for a read-only view (which then has at least two `lower`). */
  readonly upper?: string
  readonly work?: string
  /** No sync on unmount (`volatile`): right for what is committed by us. */
  readonly volatile?: boolean
}

/** How a root file system is made to appear. Pure data: any process may carry it out. */
export type Mount = BindMount | OverlayMount
