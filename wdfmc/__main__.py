"""`python -m wdfmc`"""

from wdfmc.cli import entry

if __name__ == "__main__":
    entry()
