#!/bin/sh
# Starts bench.mjs or tests.mjs of a pack (npm run bench:gpu -- --pack FOLDER) on a machine of which little is known.
here=$(cd "$(dirname "$0")" && pwd)
known() { /sbin/ldconfig -p 2>/dev/null | grep -q "$1" || ls /usr/lib*/"$1" /usr/lib/*/"$1" >/dev/null 2>&1; }

# Where there is no Vulkan loader, the one that was packed.
known libvulkan.so.1 || export LD_LIBRARY_PATH="$here/vulkan${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

# NVIDIA's driver without the file that tells the loader of it, as in many containers.
if [ -z "$VK_DRIVER_FILES$VK_ICD_FILENAMES" ] && ! ls /etc/vulkan/icd.d/*nvidia* /usr/share/vulkan/icd.d/*nvidia* >/dev/null 2>&1; then
  for library in libEGL_nvidia.so.0 libGLX_nvidia.so.0; do
    known "$library" && export VK_DRIVER_FILES="$here/vulkan/$library.json"
  done
fi

export REQUIRE_GPU=1
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/tmp}"
node="$here/node"
[ -x "$node" ] || node=node
script=$1
shift
exec "$node" "$here/$script" "$@"
