#include <dirent.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Says where it runs and what it sees: in its image it is the only file. */
int main(void) {
  struct utsname machine;
  if (uname(&machine) != 0) return 1;
  printf("Hello from process %d on %s %s\n", (int)getpid(), machine.sysname, machine.machine);
  DIR *root = opendir("/");
  if (root == NULL) return 1;
  printf("In /:");
  for (struct dirent *entry; (entry = readdir(root)) != NULL;)
    if (entry->d_name[0] != '.') printf(" %s", entry->d_name);
  printf("\n");
  return closedir(root);
}
