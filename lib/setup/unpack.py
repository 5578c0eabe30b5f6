"""Takes from wheels only what a native program needs: libraries, the C API's headers, licences (a third of the files
is Python). usage: unpack.py FOLDER WHEEL..."""

import re
import sys
import zipfile
from pathlib import Path

wanted = re.compile(
    r"tensorflow/libtensorflow_(cc|framework)\.(so\.2|2\.dylib)$"
    r"|tensorflow/include/(tensorflow|tsl|xla/tsl)/.*\.h$"
    r"|nvidia/[^/]+/(lib|bin|nvvm)/(?!.*\.a$)"
    r"|[^/]+\.dist-info/(METADATA|.*LICENSE.*|.*License.*)$"
)

folder, *wheels = sys.argv[1:]
for wheel in wheels:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir() or not wanted.match(member.filename):
                continue
            # extract() refuses to leave the folder, but forgets which files are programs.
            file = Path(archive.extract(member, folder))
            file.chmod((member.external_attr >> 16) & 0o777 | 0o644)
