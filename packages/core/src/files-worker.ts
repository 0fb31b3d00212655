import { serveWorker } from '@tsbuild/host'
import { copyTask } from './files/copy-task.js'
import { digestTask } from './files/digest-task.js'
import { lookUpUserTask, makeDirectoryTask } from './files/target-tasks.js'

serveWorker({ digest: digestTask, copy: copyTask, makeDirectory: makeDirectoryTask, lookUpUser: lookUpUserTask })
