import type { RegistryHost, RetryOptions } from '@tsbuild/registry'

export type { RegistryHost, RetryOptions as RegistryRetry } from '@tsbuild/registry'

/** How registries are reached. What stands here comes before what the configuration file says. */
export interface RegistryAccess {
  /** Credentials by registry host; asked before the credentials files that `docker login` and `podman login` write. */
  readonly credentials?: (registry: string) => { readonly username: string; readonly password: string } | undefined
  /** Hosts reached without a verified certificate, or by plain HTTP, as loopback ones are: short for `hosts[HOST].insecure`. */
  readonly insecure?: readonly string[]
  /** Settings by the host that image names have: `docker.io`, `localhost:5000`. A member given here replaces the file's. */
  readonly hosts?: Readonly<Record<string, RegistryHost>>
  /** The configuration file, see docs/registries.md. Default: `$TSBUILD_CONFIG`, else `/etc/tsbuild/config.json` and then
   * `~/.config/tsbuild/config.json`; `false` reads none. */
  readonly configPath?: string | false
  /** Docker's credentials file. Default: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`; `false` reads none, nor podman's. */
  readonly dockerConfigPath?: string | false
  readonly retry?: RetryOptions
}

export interface LoginOptions {
  readonly username: string
  readonly password: string
  readonly signal?: AbortSignal
}

export interface LoginResult {
  /** Where the credentials were kept: a file's path, or a helper program. */
  readonly storedIn: string
  /** Whether they lie there readable for whoever may read the file. */
  readonly plainText: boolean
}

/** The registries that the user has accounts with. Servers are named as image names have them (`docker.io`, `localhost:5000`);
 * URLs and the empty name (Docker Hub) are understood, too. */
export interface Registries {
  /** Checks the credentials with the registry, then keeps them where `docker login` keeps them.
   *  @throws {RegistryError} `REGISTRY_UNAUTHORIZED`, `REGISTRY_UNREACHABLE`, `CREDENTIALS_FAILED` */
  login(server: string, options: LoginOptions): Promise<LoginResult>
  /** Forgets the credentials; resolves with whether there were any. @throws {RegistryError} `CREDENTIALS_FAILED` */
  logout(server: string): Promise<boolean>
  /** The user whose credentials are kept; empty for an identity token without a name, `undefined` where there are none. */
  user(server: string): Promise<string | undefined>
  /** Checks the kept credentials with the registry. @throws as `login` */
  check(server: string, options?: { readonly signal?: AbortSignal }): Promise<void>
}
