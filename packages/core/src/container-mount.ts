import { createWorkerPool } from '@tsbuild/host'
import type { Mount } from '@tsbuild/spec'

/** Mounts a file system on a directory of the host, where every program sees it. */
export async function mountOnHost(mount: Mount, target: string, workerDir: string | undefined): Promise<void> {
  await using pool = createWorkerPool({
    entry: new URL('./container-mount-worker.js', import.meta.url),
    size: 1,
    name: 'tsbuild-container-mount',
    ...(workerDir === undefined ? {} : { workerDir }),
  })
  await pool.run('mount', { mount, target })
}
