/** How registries are reached. */
export interface RegistryAccess {
  /** Credentials by registry host; asked before `~/.docker/config.json`. */
  readonly credentials?: (registry: string) => { readonly username: string; readonly password: string } | undefined
  /** Hosts reached without a verified certificate, or by plain HTTP, as loopback ones are. */
  readonly insecure?: readonly string[]
}
