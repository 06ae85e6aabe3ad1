using System.CommandLine;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>metering identify PATH...</c>: one JSON line for each path.</summary>
internal static class IdentifyCommand
{
    public static Command Create()
    {
        var paths = new Argument<string[]>("PATH") { Description = "cgroup paths, below the cgroup2 root or with its mount point", Arity = ArgumentArity.OneOrMore };
        var rules = new Option<string?>("--rules") { Description = "A file of rules to try, as Agent:RulesFile", HelpName = "FILE" };
        var names = new Option<bool>("--names") { Description = "Also names and labels from this host's runtimes, as far as this user may read them" };
        var command = new Command("identify", "Tells which workload a cgroup path is, as JSON lines.") { paths, rules, names };
        command.SetAction(parsed =>
        {
            var recogniser = RulesFile.Recogniser(parsed.GetValue(rules));
            IEnumerable<string> mounts = IdentifyFormat.UsualMountPoints;
            string? unified = null;
            try
            {
                unified = CgroupMounts.Read().Unified;
                mounts = [unified, .. mounts];
            }
            catch (UserErrorException)
            {
                // Paths can be told anywhere, also where there is no cgroup2.
            }

            var resolver = parsed.GetValue(names) ? new NameResolver(new LabelChoice(), cgroups: unified) : null;
            Func<string, Workload> recognise = resolver is null ? recogniser.Recognise : new SplitUnits(recogniser.Recognise).Recognise;
            foreach (var path in parsed.GetValue(paths)!)
            {
                var workload = recognise(IdentifyFormat.CgroupPath(path, mounts));
                Console.WriteLine(IdentifyFormat.Line(path, resolver?.Resolve(workload) ?? workload));
            }

            return 0;
        });
        return command;
    }
}
