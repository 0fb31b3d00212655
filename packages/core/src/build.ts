import type { BuildOptions, BuildResult, EngineOptions } from './api.js'
import { openEngine } from './engine.js'

/** Builds a Dockerfile: opens the root folder, builds, closes. A program that builds more than once keeps an engine open instead.
 *
 * ```ts
 * const { configDigest } = await build({ context: '.', tags: ['app:latest'] })
 * ```
 * @throws {BuildError} when a step fails, with the step, its lines and its last output
 * @throws what {@link openEngine} throws; `signal.reason` when it is cancelled */
export async function build(options: BuildOptions & EngineOptions): Promise<BuildResult> {
  await using engine = await openEngine(options)
  return await engine.build(options)
}
