using System.Globalization;

namespace Metering.Cli.Doctor;

/// <summary>A Linux capability that an agent can make use of (capabilities(7)), what it buys and what is lost without it. None is needed to meter CPU, memory, I/O and processes exactly.</summary>
/// <param name="Check">What <c>doctor</c> calls it.</param>
/// <param name="Bit">Its number in <c>linux/capability.h</c>.</param>
internal sealed record Capability(string Check, string Name, int Bit, string Buys, string Without)
{
    /// <summary>All of them; the README's table is held against this list.</summary>
    public static readonly IReadOnlyList<Capability> All =
    [
        new("names", "CAP_DAC_READ_SEARCH", 2, "names, images and labels from files that are root's or another user's", "containers keep the names that their paths tell"),
        new("namespaces", "CAP_SYS_PTRACE", 19, "network bytes by network namespace, and names that only a process tells (Nomad, Slurm)", "the network is not told apart"),
        new("reading first", "CAP_SYS_NICE", 23, "the thread that reads goes first on a crowded host (LimitNICE=-10 does the same)", "cgroups that end before they are read are estimated more often"),
        new("enforcement", "CAP_DAC_OVERRIDE", 1, "acting on a breach (Enforcement:Actions): writing cpu.max and others of cgroups that are root's", "nothing is enforced; metering is the same"),
    ];

    // DAC_OVERRIDE passes every check that DAC_READ_SEARCH passes.
    private const ulong DacOverride = 1UL << 1;

    /// <summary>What this process may do; null where it can not be told.</summary>
    public static ulong? Effective()
    {
        try
        {
            var line = File.ReadLines("/proc/self/status").FirstOrDefault(row => row.StartsWith("CapEff:", StringComparison.Ordinal));
            return line is not null && ulong.TryParse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var set) ? set : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The soft RLIMIT_NICE: 20 − the lowest nice value that may be asked for.</summary>
    public static long NiceLimit()
    {
        // Max nice priority         30                   30
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(row => row.StartsWith("Max nice priority", StringComparison.Ordinal));
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, _, _, var soft, ..] && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : 0;
    }

    public bool In(ulong set) => (set & (1UL << Bit)) != 0 || (Bit == 2 && (set & DacOverride) != 0);

    /// <summary>What <c>doctor</c> says of it.</summary>
    /// <param name="niceLimit"><see cref="NiceLimit"/>; it stands for CAP_SYS_NICE.</param>
    public Doctor.Check Judge(ulong set, long niceLimit, bool enforces)
    {
        if (In(set)) return Doctor.Check.Ok(Check, Buys);
        if (Bit == 23 && niceLimit >= 30) return Doctor.Check.Ok(Check, "by RLIMIT_NICE: " + Buys);
        if (Bit == 1 && !enforces) return Doctor.Check.Ok(Check, "not held and not needed: Enforcement:Actions is empty");
        return Doctor.Check.Warning(Check, $"{Name} is not held: {Without}", $"it buys {Buys}; AmbientCapabilities={Name} in the unit, --cap-add {Name["CAP_".Length..]} for a container of root, or run as root");
    }
}
