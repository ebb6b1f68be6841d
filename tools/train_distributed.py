"""Train data-parallel: alone, on logical devices, as a worker of TF_CONFIG, or as a SLURM task.

Usage: python tools/train_distributed.py --output FOLDER [--devices 2] [--batch-size 256]

The program is `course_utils.data_parallel`, so that the pages can start it where only the
package is installed; ``tools/train_distributed.slurm`` submits it to SLURM.
"""

from course_utils.data_parallel import main

if __name__ == "__main__":
    main()
