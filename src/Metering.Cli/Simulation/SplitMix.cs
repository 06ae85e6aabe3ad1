namespace Metering.Cli.Simulation;

/// <summary>SplitMix64: a few lines that give the same numbers on every machine and in every version of .NET.</summary>
internal struct SplitMix(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        unchecked
        {
            _state += 0x9E3779B97F4A7C15UL;
            var mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9UL;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBUL;
            return mixed ^ (mixed >> 31);
        }
    }

    /// <summary>0 to <paramref name="bound"/> − 1.</summary>
    public ulong Below(ulong bound) => Next() % bound;

    /// <summary>A generator of its own for a part of the whole, so that parts can be made in any order.</summary>
    public static SplitMix For(ulong seed, params ReadOnlySpan<ulong> part)
    {
        var mix = new SplitMix(seed);
        foreach (var number in part) mix = new SplitMix(mix.Next() ^ unchecked(number * 0xD6E8FEB86659FD93UL));
        return mix;
    }
}
