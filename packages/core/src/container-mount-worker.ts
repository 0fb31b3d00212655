import { CLONE_FS, mountRoot, openHost, serveWorker, startThreadPool } from '@tsbuild/host'
import type { Mount } from '@tsbuild/spec'

interface MountInput {
  readonly mount: Mount
  readonly target: string
}

/** In the mount namespace of the whole program, other than what the trees of other workers do. */
function mount({ mount, target }: MountInput): null {
  // Mounting changes the current directory, which is then this thread's alone.
  startThreadPool()
  openHost().unshare(CLONE_FS)
  mountRoot(mount, target)
  return null
}

serveWorker({ mount })
