"""Reads deploy/Dockerfile as far as it goes: what each stage is made from, and how its containers run."""
import json, pathlib, re

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


class Stage:
    def __init__(self, base, name):
        self.base, self.name = base, name
        self.copies, self.runs, self.environment, self.volumes = [], [], {}, []
        self.user, self.workdir, self.entrypoint, self.command, self.health = None, "/", [], [], []


def stages(file=REPOSITORY / "deploy/Dockerfile"):
    """Stages by name. An instruction that is not known here is an error: nothing is passed over."""
    found, stage = {}, None
    for line in pathlib.Path(file).read_text().replace("\\\n", " ").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        what, rest = line.split(" ", 1)
        if what == "ARG":
            continue  # names of images, which are not to be had here
        if what == "FROM":
            base, _, name = rest.split()
            stage = found[name] = Stage(base, name)
        elif what == "COPY":
            words = rest.split()
            flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
            words = [word for word in words if not word.startswith("--")]
            stage.copies.append((flags, words[:-1], words[-1]))
        elif what == "RUN":
            stage.runs.append(rest)
        elif what == "ENV":
            stage.environment.update(re.findall(r"(\w+)=(\S+)", rest))
        elif what == "USER":
            stage.user = rest
        elif what == "WORKDIR":
            stage.workdir = rest
        elif what == "VOLUME":
            stage.volumes.append(rest)
        elif what == "ENTRYPOINT":
            stage.entrypoint = json.loads(rest)
        elif what == "CMD":
            stage.command = json.loads(rest)
        elif what == "HEALTHCHECK":
            stage.health = json.loads(rest[rest.index("CMD ") + 4:])
        elif what != "EXPOSE":
            raise SystemExit(f"deploy/Dockerfile: {what} is not known to {__file__}")
    return found


def context(destination, copies):
    """The files that COPY takes from the context, as .dockerignore lets them through; times are kept, so that what was compiled stays so."""
    import fnmatch, os, shutil
    rules = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]

    def lets_through(path):
        kept = True
        for rule in rules:
            pattern = rule.lstrip("!")
            parts = path.split("/")
            # A rule for a directory holds for what is in it; "**/" is any directory or none.
            if any(fnmatch.fnmatchcase("/".join(parts[:n]), pattern) or (pattern.startswith("**/") and fnmatch.fnmatchcase(parts[n - 1], pattern[3:])) for n in range(1, len(parts) + 1)):
                kept = rule.startswith("!")
        return kept

    for flags, sources, target in copies:
        if "from" in flags:
            continue
        for source in sources:
            here = REPOSITORY / source
            files = [here] if here.is_file() else [pathlib.Path(folder) / name for folder, _, names in os.walk(here) for name in names]
            for file in files:
                name = str(file.relative_to(REPOSITORY))
                if not lets_through(name):
                    continue
                inside = file.relative_to(here) if here.is_dir() else file.name
                to = pathlib.Path(destination) / target.lstrip("./") / inside
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, to)
