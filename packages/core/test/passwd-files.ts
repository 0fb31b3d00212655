/** Files of an image with a user and a group, and what `look()` sees of them. */
export const passwd = { 'etc/passwd': 'root:x:0:0::/:\napp:x:10:20::/:\n', 'etc/group': 'root:x:0:\nstaff:x:50:\n' }

export const passwdLook = {
  etc: 'd 755',
  'etc/group': 'f 644 root:x:0:\nstaff:x:50:',
  'etc/passwd': 'f 644 root:x:0:0::/:\napp:x:10:20::/:',
}
