import type { CliGroup } from './command.js'
import { manifestAnnotate } from './manifest-annotate.js'
import { manifestCreate } from './manifest-create.js'
import { manifestInspect } from './manifest-inspect.js'
import { manifestPush } from './manifest-push.js'
import { manifestRm } from './manifest-rm.js'

export const manifest: CliGroup = {
  summary: 'Put images for several platforms under one name',
  commands: {
    annotate: manifestAnnotate,
    create: manifestCreate,
    inspect: manifestInspect,
    push: manifestPush,
    rm: manifestRm,
  },
}
