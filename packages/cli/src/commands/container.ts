import { attach } from './attach.js'
import type { CliGroup } from './command.js'
import { commit } from './commit.js'
import { containerInspect } from './container-inspect.js'
import { containerPrune } from './container-prune.js'
import { cp } from './cp.js'
import { create } from './create.js'
import { diff } from './diff.js'
import { exec } from './exec.js'
import { exportCommand } from './export.js'
import { kill } from './kill.js'
import { logs } from './logs.js'
import { mount } from './mount.js'
import { port } from './port.js'
import { ps } from './ps.js'
import { rename } from './rename.js'
import { restart } from './restart.js'
import { rm } from './rm.js'
import { run } from './run.js'
import { start } from './start.js'
import { stop } from './stop.js'
import { umount } from './umount.js'
import { wait } from './wait.js'

export const container: CliGroup = {
  summary: 'Make, run and manage containers',
  commands: {
    attach,
    commit,
    cp,
    create,
    diff,
    exec,
    export: exportCommand,
    inspect: containerInspect,
    kill,
    list: ps,
    logs,
    ls: ps,
    mount,
    port,
    prune: containerPrune,
    rename,
    restart,
    rm,
    run,
    start,
    stop,
    umount,
    wait,
  },
}
