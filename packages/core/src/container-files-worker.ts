import { serveWorker } from '@tsbuild/host'
import { look, pack, unpack } from './containers/files-task.js'

serveWorker({ look, pack, unpack })
