import { attach } from './attach.js'
import { build } from './build.js'
import { check } from './check.js'
import type { CliEntry } from './command.js'
import { commit } from './commit.js'
import { completeCommand, completion } from './completion.js'
import { container } from './container.js'
import { cp } from './cp.js'
import { create } from './create.js'
import { diff } from './diff.js'
import { du } from './du.js'
import { exec } from './exec.js'
import { explain } from './explain.js'
import { exportCommand } from './export.js'
import { fsck } from './fsck.js'
import { history } from './history.js'
import { image } from './image.js'
import { images } from './images.js'
import { importCommand } from './import.js'
import { info } from './info.js'
import { inspect } from './inspect.js'
import { kill } from './kill.js'
import { load } from './load.js'
import { login } from './login.js'
import { logout } from './logout.js'
import { logs } from './logs.js'
import { manifest } from './manifest.js'
import { mount } from './mount.js'
import { parse } from './parse.js'
import { plan } from './plan.js'
import { port } from './port.js'
import { prune } from './prune.js'
import { ps } from './ps.js'
import { pull } from './pull.js'
import { push } from './push.js'
import { registry } from './registry.js'
import { rename } from './rename.js'
import { restart } from './restart.js'
import { rm } from './rm.js'
import { rmi } from './rmi.js'
import { run } from './run.js'
import { save } from './save.js'
import { start } from './start.js'
import { stop } from './stop.js'
import { tag } from './tag.js'
import { umount } from './umount.js'
import { versionCommand } from './version.js'
import { wait } from './wait.js'

/** Every verb. They are small; what they use (core, parser) is loaded when they run. */
export const commands: Readonly<Record<string, CliEntry>> = {
  __complete: completeCommand(() => commands),
  attach,
  build,
  check,
  commit,
  completion,
  container,
  cp,
  create,
  diff,
  du,
  exec,
  explain,
  export: exportCommand,
  fsck,
  history,
  image,
  images,
  import: importCommand,
  info,
  inspect,
  kill,
  load,
  login,
  logout,
  logs,
  manifest,
  mount,
  parse,
  plan,
  port,
  ps,
  prune,
  pull,
  push,
  registry,
  rename,
  restart,
  rm,
  rmi,
  run,
  save,
  start,
  stop,
  tag,
  umount,
  version: versionCommand,
  wait,
}
