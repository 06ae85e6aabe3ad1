namespace Metering.Agent.Workloads;

/// <summary>Whose session a path lies in.</summary>
internal static class UserPath
{
    /// <summary>
    /// The uid of the outermost <c>user-UID.slice</c> or <c>user@UID.service</c> within the first <paramref name="length"/> characters;
    /// null without one.
    /// </summary>
    public static string? Find(string path, int length)
    {
        for (var start = 1; start < length;)
        {
            var end = path.IndexOf('/', start, length - start);
            if (end < 0) end = length;
            if (UidOf(path.AsSpan(start, end - start)) is { } uid) return uid;
            start = end + 1;
        }

        return null;
    }

    /// <summary>The uid in the name of a user's slice or service manager.</summary>
    public static string? UidOf(ReadOnlySpan<char> component)
    {
        var uid = Between(component, "user-", ".slice");
        if (uid.IsEmpty) uid = Between(component, "user@", ".service");
        const int MaxDigits = 10; // uids are 32 bits
        return uid.IsEmpty || uid.Length > MaxDigits || uid.ContainsAnyExceptInRange('0', '9') ? null : uid.ToString();
    }

    private static ReadOnlySpan<char> Between(ReadOnlySpan<char> text, string prefix, string suffix) =>
        text.Length > prefix.Length + suffix.Length && text.StartsWith(prefix) && text.EndsWith(suffix) ? text[prefix.Length..^suffix.Length] : default;
}
