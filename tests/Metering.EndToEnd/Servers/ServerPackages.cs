using Xunit;

namespace Metering.EndToEnd.Servers;

/// <summary>What a test needs from Debian. On a laptop a missing server skips the test; under <c>CI=true</c> it fails it, so that nothing is left untested unseen.</summary>
public static class ServerPackages
{
    /// <summary>Returns when the file is there.</summary>
    /// <param name="file">Absolute path of the executable.</param>
    /// <param name="debianPackage">What to install, for the message.</param>
    public static void Require(string file, string debianPackage)
    {
        if (!File.Exists(file)) Missing($"{file} is missing; install it with: apt-get install {debianPackage}");
    }

    /// <summary>Returns when the tests run as root.</summary>
    /// <param name="because">What root is needed for, for the message.</param>
    public static void RequireRoot(string because)
    {
        if (!Environment.IsPrivilegedProcess) Missing($"This needs root: {because}.");
    }

    private static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
    }
}
