import { openHost, serveWorker } from '@tsbuild/host'

/** Loads the system calls, which is when its thread must not be ended. */
serveWorker({ load: () => openHost().gettid() })
