import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEngine } from '@tsbuild/core'
import { createNativeRuntime } from '@tsbuild/runtime'

/** Runs the program of an image in its own root file system: files by an output of a (cached) build, the process by the runtime. */
async function runImage(image: string): Promise<number> {
  const temp = await mkdtemp(join(tmpdir(), 'run-image-'))
  const files = join(temp, 'files')
  try {
    await using engine = await openEngine()
    const { config } = engine.images.inspect(image).config
    await engine.build({ dockerfileText: `FROM ${image}\n`, outputs: [{ type: 'local', dest: files }] })
    await using runtime = createNativeRuntime({ stateDir: join(temp, 'state') })
    const { code } = await runtime.run(
      {
        root: { kind: 'bind', source: files, readonly: false },
        args: [...(config?.Entrypoint ?? []), ...(config?.Cmd ?? [])],
        env: config?.Env ?? [],
        cwd: config?.WorkingDir || '/',
        user: config?.User ?? '',
        network: 'none',
      },
      { onOutput: (stream, chunk) => process[stream].write(chunk) },
    )
    return code
  } finally {
    await rm(temp, { recursive: true, force: true })
  }
}

process.exitCode = await runImage(process.argv[2] ?? 'app')
