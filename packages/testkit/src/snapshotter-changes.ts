/** Changes on a base layer, as scripts, with the entries that the canonical diff must have. The scripts set every time, so that
 * the tars are known to the byte. */
export interface ChangeCase {
  readonly title: string
  readonly script: string
  readonly names: readonly string[]
}

/** What the changes are made on. */
export const baseScript = `
  mkdir -p dir/sub/deep old/inner empty link-dir
  echo one > dir/one; echo two > dir/two; echo 3 > dir/sub/three; echo 4 > dir/sub/deep/four
  echo old > old/a; echo old > old/inner/b; echo file > file; ln -s dir/one link
  mkfifo fifo; mknod null c 1 3; setfattr -n user.note -v base file
  find . -exec touch -hd @1500000000.25 {} +`

const at = (path: string, seconds = 1600000000) => `touch -hd @${seconds} ${path};`
const base = '1500000000.25'

export const changeCases: readonly ChangeCase[] = [
  { title: 'nothing', script: ':', names: [] },
  { title: 'a new file', script: `echo x > new; ${at('new')}`, names: ['new'] },
  {
    title: 'a new file in an old directory, with its parents',
    script: `echo x > dir/sub/new; ${at('dir/sub/new dir/sub')}`,
    names: ['dir/', 'dir/sub/', 'dir/sub/new'],
  },
  {
    title: 'a file changed in place, with unchanged parents',
    script: `echo more >> dir/sub/three; ${at('dir/sub/three')}`,
    names: ['dir/', 'dir/sub/', 'dir/sub/three'],
  },
  { title: 'equal content and times, written again', script: `echo file > file; touch -d @${base} file`, names: [] },
  { title: 'same size and time, other content', script: `echo elif > file; touch -d @${base} file`, names: ['file'] },
  { title: 'a file opened for append, nothing written', script: ': >> dir/one; exec 3>>file; exec 3>&-', names: [] },
  {
    title: 'mode changed and set back',
    script: 'chmod 600 file; chmod 644 file; chmod 700 dir; chmod 755 dir',
    names: [],
  },
  { title: 'mode changed', script: 'chmod 600 file', names: ['file'] },
  { title: 'owner changed', script: 'chown 12:34 dir', names: ['dir/'] },
  { title: 'owner of a link changed', script: 'chown -h 12:34 link', names: ['link'] },
  { title: 'time changed by a fraction of a second', script: 'touch -d @1500000000.26 file', names: ['file'] },
  { title: 'a link turned elsewhere', script: `ln -sfn dir/two link; touch -hd @${base} link .`, names: ['link'] },
  { title: 'an attribute changed', script: 'setfattr -n user.note -v other file', names: ['file'] },
  { title: 'an attribute removed', script: 'setfattr -x user.note file', names: ['file'] },
  { title: 'a file removed', script: `rm dir/one; touch -d @${base} dir`, names: ['dir/', 'dir/.wh.one'] },
  { title: 'a directory removed', script: 'rm -r dir', names: ['.wh.dir'] },
  {
    title: 'a new file removed again',
    script: `echo x > x; rm x; echo x > dir/x; rm dir/x; touch -d @${base} dir`,
    names: [],
  },
  {
    title: 'a directory emptied by removing and making it',
    script: `rm -r dir; mkdir dir; touch -d @${base} dir`,
    names: ['dir/', 'dir/.wh.one', 'dir/.wh.sub', 'dir/.wh.two'],
  },
  {
    title: 'a directory made anew with some of its content',
    script: `rm -r dir; mkdir -p dir/sub/deep; echo one > dir/one; echo x > dir/sub/x; ${at('dir/sub/x')}
      touch -d @${base} dir/one dir/sub/deep dir/sub dir`,
    names: [
      'dir/',
      'dir/sub/',
      'dir/sub/deep/',
      'dir/sub/deep/.wh.four',
      'dir/sub/.wh.three',
      'dir/sub/x',
      'dir/.wh.two',
    ],
  },
  {
    title: 'a directory made anew just as it was',
    script: `rm -r old; mkdir -p old/inner; echo old > old/a; echo old > old/inner/b
      touch -d @${base} old/a old/inner/b old/inner old`,
    names: [],
  },
  { title: 'a directory replaced by a file', script: `rm -r dir; echo x > dir; ${at('dir')}`, names: ['dir'] },
  { title: 'a file replaced by a directory', script: `rm file; mkdir file; ${at('file')}`, names: ['file/'] },
  {
    title: 'a directory moved over another',
    script: `rm -r dir; mv old dir; ${at('dir')}`,
    names: ['dir/', 'dir/a', 'dir/inner/', 'dir/inner/b', 'dir/.wh.one', 'dir/.wh.sub', 'dir/.wh.two', '.wh.old'],
  },
  {
    title: 'a new directory moved over an old empty one',
    script: `mkdir n; echo x > n/x; mv -T n empty; ${at('empty/x empty')}`,
    names: ['empty/', 'empty/x'],
  },
  {
    title: 'a file moved away',
    script: `mv dir/one dir/uno; touch -d @${base} dir`,
    names: ['dir/', 'dir/.wh.one', 'dir/uno'],
  },
  {
    title: 'hard links made and used',
    script: `echo x > h2; ln h2 h1; ln h1 dir/h3; ${at('h1 dir')}`,
    names: ['dir/', 'dir/h3', 'h1', 'h2'],
  },
  { title: 'an old file under a second name', script: 'ln file hard', names: ['hard'] },
  {
    title: 'the fifo and the device replaced by equal ones',
    script: `rm fifo null; mkfifo fifo; mknod null c 1 3; touch -d @${base} fifo null`,
    names: [],
  },
  {
    title: 'a device with another number',
    script: `rm null; mknod null c 1 5; touch -d @${base} null`,
    names: ['null'],
  },
  {
    title: 'a socket, which no layer keeps',
    script: `"$NODE" -e "require('net').createServer().listen('s', () => process.kill(process.pid, 9))" || true; test -S s`,
    names: [],
  },
  {
    title: 'a socket in place of a file',
    script: `rm file; "$NODE" -e "require('net').createServer().listen('file', () => process.kill(process.pid, 9))" || true`,
    names: ['.wh.file'],
  },
  {
    title: 'content deep in a new tree',
    script: `mkdir -p n/a/b/c; echo 1 > n/a/b/c/d; echo 2 > n/a-b; ${at('n/a/b/c/d n/a-b n/a/b/c n/a/b n/a n')}`,
    names: ['n/', 'n/a/', 'n/a/b/', 'n/a/b/c/', 'n/a/b/c/d', 'n/a-b'],
  },
  { title: 'the mode of the root', script: 'chmod 711 .; touch -d @5 .', names: ['./'] },
]
