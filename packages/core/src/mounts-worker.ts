import { serveWorker } from '@tsbuild/host'
import { lockedFolder, openAsideTask } from './cache/mounts/aside-tasks.js'
import { exportTask } from './cache/mounts/export-task.js'
import { importTask } from './cache/mounts/import-task.js'

serveWorker({ export: exportTask, import: importTask, openAside: openAsideTask, lockFolder: lockedFolder })
