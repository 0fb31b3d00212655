import { type RegistryServer, registryProblem, startRegistry } from '../registry-server.js'
import { type BaseImageName, baseImage, baseImageProblem } from './base-image.js'
import { command, findProgram } from './command.js'

/** A registry on loopback that serves base images. */
export interface BaseRegistry extends RegistryServer {
  /** Full names: `localhost:PORT/busybox:latest`, `localhost:PORT/debian:bookworm`. */
  readonly images: { readonly busybox: string; readonly debian: string }
}

export interface BaseRegistryOptions {
  /** Serve Debian, too, which takes 20 s to make the first time. Default false. */
  readonly debian?: boolean
}

/** Why {@link startBaseRegistry} can't work here, as a reason to skip a test; `undefined` where it can. */
export function baseRegistryProblem({ debian = false }: BaseRegistryOptions = {}): string | undefined {
  const skopeo = findProgram('skopeo') === undefined ? 'skopeo is not installed' : undefined
  return registryProblem() ?? skopeo ?? baseImageProblem('busybox') ?? (debian ? baseImageProblem('debian') : undefined)
}

/** Starts a registry and puts the base images into it. Without `debian` its name leads nowhere. */
export async function startBaseRegistry({ debian = false }: BaseRegistryOptions = {}): Promise<BaseRegistry> {
  const registry = await startRegistry()
  const images = { busybox: `${registry.host}/busybox:latest`, debian: `${registry.host}/debian:bookworm` }
  try {
    await serve('busybox', images.busybox)
    if (debian) await serve('debian', images.debian)
    return { ...registry, images }
  } catch (error) {
    await registry[Symbol.asyncDispose]()
    throw error
  }
}

async function serve(name: BaseImageName, target: string): Promise<void> {
  const { layout } = await baseImage(name)
  const plain = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false']
  await command('skopeo', [...plain, `oci:${layout}:latest`, `docker://${target}`])
}
