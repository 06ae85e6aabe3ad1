using System.CommandLine;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>metering identify PATH...</c>: one JSON line for each path.</summary>
internal static class IdentifyCommand
{
    public static Command Create()
    {
        var paths = new Argument<string[]>("PATH") { Description = "cgroup paths, below the cgroup2 root or with its mount point", Arity = ArgumentArity.OneOrMore };
        var command = new Command("identify", "Tells which workload a cgroup path is, as JSON lines.") { paths };
        command.SetAction(parsed =>
        {
            var recogniser = new WorkloadRecogniser();
            IEnumerable<string> mounts = IdentifyFormat.UsualMountPoints;
            try
            {
                mounts = [CgroupMounts.Read().Unified, .. mounts];
            }
            catch (UserErrorException)
            {
                // Paths can be told anywhere, also where there is no cgroup2.
            }

            foreach (var path in parsed.GetValue(paths)!) Console.WriteLine(IdentifyFormat.Line(path, recogniser.Recognise(IdentifyFormat.CgroupPath(path, mounts))));
            return 0;
        });
        return command;
    }
}
