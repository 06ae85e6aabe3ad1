namespace Metering.Benchmarks.Running;

/// <summary>Removes a cgroup that this run made.</summary>
internal static class CgroupDirectory
{
    /// <summary>Waits a little: a process that was killed leaves its cgroup a moment later. A directory that is not there is removed already.</summary>
    public static void Remove(string directory)
    {
        for (var tries = 0; Directory.Exists(directory); tries++)
        {
            try
            {
                Directory.Delete(directory);
                return;
            }
            catch (IOException) when (tries < 2000)
            {
                Thread.Yield();
                Thread.SpinWait(100_000);
            }
        }
    }
}
