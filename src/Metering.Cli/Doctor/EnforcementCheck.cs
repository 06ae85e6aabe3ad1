namespace Metering.Cli.Doctor;

/// <summary>Whether what a host permits the service to do (<c>Enforcement:Actions</c>) can be done: each action is one interface file that has to be opened for writing. Nothing is written.</summary>
internal static class EnforcementCheck
{
    private const string Name = "enforcement files", Local = "/etc/apparmor.d/local/metering-agent";
    private const int LookAt = 200;

    private const string Remedy = "run as the owner of the cgroups; under systemd the agent needs deploy/systemd/metering-agent.enforcement.conf as a drop-in, under AppArmor deploy/apparmor/local/metering-agent as " + Local + ", in a container the tree mounted writable";

    /// <param name="root">Where the tree is mounted.</param>
    /// <param name="files">Of the actions that are permitted: <c>cpu.max</c> and others.</param>
    public static Check OfFiles(string root, IReadOnlyList<string> files)
    {
        var cgroups = Directory.EnumerateDirectories(root, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint }).Take(LookAt).ToList();
        var nowhere = new List<string>();
        foreach (var file in files)
        {
            if (cgroups.Find(cgroup => Path.Exists($"{cgroup}/{file}")) is not { } found) nowhere.Add(file);
            else if (Refusal($"{found}/{file}") is { } refusal) return Check.Warning(Name, $"{found}/{file} can not be written: {refusal}", Remedy);
        }

        return nowhere.Count > 0 ? Check.Warning(Name, $"no cgroup has {string.Join(", ", nowhere)}", "enable its controller for the cgroups that are to be limited, or take the action out of Enforcement:Actions")
            : Check.Ok(Name, string.Join(", ", files) + " can be written");
    }

    /// <summary>The profile confines the agent and not whoever asks here; null: there is no such profile, or it can not be told.</summary>
    /// <param name="profiles">The kernel's list of profiles.</param>
    /// <param name="local">What an administrator adds to the profile.</param>
    public static Check? OfProfile(IReadOnlyList<string> files, string profiles = "/sys/kernel/security/apparmor/profiles", string local = Local)
    {
        try
        {
            if (!File.Exists(profiles) || !File.ReadLines(profiles).Any(line => line.StartsWith("metering-agent (enforce)", StringComparison.Ordinal))) return null;
            var rules = File.Exists(local) ? File.ReadLines(local).Select(line => line.Trim()).Where(line => !line.StartsWith('#')).ToList() : [];
            var missing = files.Where(file => !rules.Exists(rule => rule.Contains(file, StringComparison.Ordinal))).ToList();
            return missing.Count == 0 ? Check.Ok("enforcement profile", $"{local} has {string.Join(", ", files)}")
                : Check.Warning("enforcement profile", $"the AppArmor profile metering-agent keeps the agent from writing {string.Join(", ", missing)}", $"put deploy/apparmor/local/metering-agent to {local} and load the profile again");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? Refusal(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The path is told already.
            return e.Message.Replace($" '{path}'", "", StringComparison.Ordinal).TrimEnd('.');
        }
    }
}
