import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, findProgram } from './command.js'

const files: Readonly<Record<string, string>> = {
  'etc/passwd': `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`,
  'etc/group': `root:x:0:
daemon:x:1:
bin:x:2:
adm:x:4:
tty:x:5:
www-data:x:33:
operator:x:37:
users:x:100:
nobody:x:65534:
`,
  'etc/hostname': 'localhost\n',
}
const folders = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'tmp', 'usr/bin', 'usr/sbin', 'var/tmp']
const modes: Readonly<Record<string, number>> = { root: 0o700, tmp: 0o1777, 'var/tmp': 0o1777 }

/** Fills an existing directory with a small root file system: the machine's static busybox with a link for each applet,
 * `/tmp`, `/etc/passwd`, `/etc/group` and `/usr/bin/env`. Takes a few milliseconds. */
export async function makeBusyboxRootfs(directory: string): Promise<void> {
  const program = findProgram('busybox')
  if (program === undefined) throw new Error('Cannot make a busybox root file system: busybox-static is not installed')
  for (const folder of folders) {
    await mkdir(join(directory, folder), { recursive: true })
    await chmod(join(directory, folder), modes[folder] ?? 0o755)
  }
  await chmod(join(directory, 'usr'), 0o755)
  await chmod(join(directory, 'var'), 0o755)
  await copyFile(program, join(directory, 'bin/busybox'))
  await chmod(join(directory, 'bin/busybox'), 0o755)
  const applets = (await command(program, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox')
  for (const applet of applets) await symlink('busybox', join(directory, 'bin', applet))
  await symlink('../../bin/busybox', join(directory, 'usr/bin/env'))
  for (const [path, text] of Object.entries(files)) {
    await writeFile(join(directory, path), text, { mode: 0o644 })
    await chmod(join(directory, path), 0o644)
  }
}
