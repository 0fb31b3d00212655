import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type Engine, type EngineOptions, type ImportOptions, openEngine } from '@tsbuild/core'
import { TsbuildError } from '@tsbuild/spec'
import { type TarFixture, tarOf, tempDir } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

/** Why a test that keeps layers can't run here. */
export const skip = process.getuid?.() === 0 ? undefined : 'needs root'

export interface OpenRoot extends AsyncDisposable {
  readonly path: string
  readonly root: string
  readonly engine: Engine
}

/** An engine on a root folder of its own. */
export async function openRoot(options: EngineOptions = {}): Promise<OpenRoot> {
  const dir = await tempDir()
  const root = join(dir.path, 'root')
  const engine = await openEngine({ root, ...options })
  return {
    path: dir.path,
    root,
    engine,
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]()
      await dir[Symbol.asyncDispose]()
    },
  }
}

/** A tar of files. */
export function rootfs(files: Readonly<Record<string, string>>): Buffer {
  return tarOf(...Object.entries(files).map(([name, data]): TarFixture => ({ name, data, mode: 0o644 })))
}

/** Makes an image of one layer with these files. */
export async function importFiles(
  engine: Engine,
  name: string | undefined,
  files: Readonly<Record<string, string>>,
  options: ImportOptions = {},
): Promise<string> {
  const { id } = await engine.images.import(Readable.from([rootfs(files)]), {
    ...options,
    ...(name === undefined ? {} : { name }),
  })
  return id
}

/** Names of the blobs that are there. */
export async function blobsOf(root: string): Promise<string[]> {
  return (await readdir(join(root, 'content/blobs/sha256'))).sort()
}

/** Names of the layers that are there. */
export async function layersOf(root: string): Promise<string[]> {
  return (await readdir(join(root, 'snapshots'))).filter((name) => !name.startsWith('_')).sort()
}

export async function fails(call: Promise<unknown>, code: string, message?: RegExp): Promise<TsbuildError> {
  const error = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  if (!(error instanceof TsbuildError)) throw error ?? new Error(`no error, ${code} expected`)
  assert.is(error.code, code, error.message)
  if (message !== undefined) assert.match(error.message, message)
  return error
}
