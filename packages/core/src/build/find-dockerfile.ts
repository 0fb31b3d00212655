import type { DockerfileOptions, DockerfileSource } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { dockerfileRequest, openContext } from './open-context.js'
import { readDockerfile, readIgnorePatterns } from './read-dockerfile.js'
import { openSources } from './sources.js'

/** Opens a context only as far as its Dockerfile takes it. */
export async function findDockerfile(parts: EngineParts, options: DockerfileOptions): Promise<DockerfileSource> {
  await using sources = await openSources(parts, options)
  await using context = await openContext(sources, options)
  const { file, path, text } = await readDockerfile(await dockerfileRequest(options, context), sources.http)
  return { file, text, ignore: await readIgnorePatterns(context.directory, path) }
}
