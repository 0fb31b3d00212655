import { build } from './build.js'
import type { CliGroup } from './command.js'
import { history } from './history.js'
import { imageInspect } from './image-inspect.js'
import { imagePrune } from './image-prune.js'
import { images } from './images.js'
import { importCommand } from './import.js'
import { load } from './load.js'
import { pull } from './pull.js'
import { push } from './push.js'
import { rmi } from './rmi.js'
import { save } from './save.js'
import { tag } from './tag.js'

export const image: CliGroup = {
  summary: 'Manage images',
  commands: {
    build,
    history,
    import: importCommand,
    inspect: imageInspect,
    list: images,
    load,
    ls: images,
    prune: imagePrune,
    pull,
    push,
    remove: rmi,
    rm: rmi,
    save,
    tag,
  },
}
