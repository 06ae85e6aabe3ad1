namespace Metering.Agent.Workloads.Names;

/// <summary>Names and homes of users by uid, from <c>/etc/passwd</c> (passwd(5)). Users of a directory service are not asked for: that could block, and the uid stands.</summary>
internal sealed class UserNames : INameSource
{
    public const string Label = "user.name";
    private readonly FileIndex<Dictionary<string, (string Name, string Home)>> _users;

    public UserNames(NameFiles files) => _users = new(files, ["/etc/passwd"], () =>
    {
        var users = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        foreach (var line in files.Lines("/etc/passwd", NameFiles.MaxIndexBytes))
        {
            var fields = line.Split(':');
            if (fields.Length >= 6 && users.Count < NameFiles.MaxEntries) users.TryAdd(fields[2], (fields[0], fields[5]));
        }

        return users;
    });

    /// <summary>The home of a uid; null when it is not in the file.</summary>
    public string? Home(string? uid) => uid is not null && _users.Value.TryGetValue(uid, out var user) && user.Home.StartsWith('/') ? user.Home.TrimEnd('/') : null;

    public string? Name(string? uid) => uid is not null && _users.Value.TryGetValue(uid, out var user) ? user.Name : null;

    public bool Handles(Workload workload) => workload.User is not null;

    public void Describe(Workload workload, NameFacts facts) => facts.Fact(Label, Name(workload.User));
}
